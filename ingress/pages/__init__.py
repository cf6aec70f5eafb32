"""The dashboard and the widget, served as they are. There is no build step."""
