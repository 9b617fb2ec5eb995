"""What `xl eval` does: tasks as cells of models, languages and seeds, computed and kept one by one."""
