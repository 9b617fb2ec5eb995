"""What `xl static` does with models, texts and files of word vectors."""
