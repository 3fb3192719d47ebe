"""What one sees on screen, a file each."""
