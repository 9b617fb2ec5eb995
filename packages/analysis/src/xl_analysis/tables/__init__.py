"""Result rows as tables, and tables as text, pages and files."""
