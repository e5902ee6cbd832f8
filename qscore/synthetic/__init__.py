"""What the demonstration archive is made of: entries, and their molecules, maps, models and documents."""
