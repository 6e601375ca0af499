"""The corridor: one readable function per main job, calling the rooms in order."""
