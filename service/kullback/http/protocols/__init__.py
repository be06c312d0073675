"""How each write protocol chooses its decoder, answers, and refuses. They do not know each other."""
