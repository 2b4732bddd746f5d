"""Does sound matter? The same videos, windows and model under several sounds, and what that changes."""
