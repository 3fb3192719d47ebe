"""What the app knows, without a widget."""
