"""What taking a language into an encoder did: the new language and every old one, before and after."""
