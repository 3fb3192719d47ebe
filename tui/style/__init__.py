"""How things look: colours, heat, wrapped text, titles, the status bar."""
