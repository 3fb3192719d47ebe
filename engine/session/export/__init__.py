"""Sessions and branches out of the program, a form each: JSON (complete), Markdown, plain text, an HTML page."""
