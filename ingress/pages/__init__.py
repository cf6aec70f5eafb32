"""What browsers load: the dashboard and the widget, as they lie here. There is no build step."""
