"""Who is signed in: credentials, sessions, and what every answer carries to keep them safe."""
