"""Does sound matter? The same films, windows and model under several sounds, and what that changes."""
