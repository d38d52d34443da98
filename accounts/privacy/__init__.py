"""What is held about people: how they get it, how it ends, and what the law keeps."""
