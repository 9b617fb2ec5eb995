"""Files of word vectors: text and binary word2vec, fastText, safetensors, whole or block by block."""
