/** The styles of the widget: bundle.py defines it before all modules. */
declare const WIDGET_CSS: string;
