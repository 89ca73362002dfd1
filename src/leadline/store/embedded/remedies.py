"""What to do about the faults that PostgreSQL's programs report, by the words they report them with."""

REMEDIES = {
    "No space left on device": "make room on the disk of the data directory",
    "has wrong ownership": "give the cluster back to the user PostgreSQL runs as (chown -R)",
    "invalid permissions": "chmod 0700 the cluster's directory",
    "Permission denied": "give the cluster back to the user PostgreSQL runs as (chown -R)",
    "Cannot allocate memory": "free some memory",
    "could not create shared memory segment": "raise the kernel's limits kernel.shmmax and kernel.shmall",
    "could not create semaphores": "raise the kernel's limit kernel.sem",
    "could not locate a valid checkpoint record": "bring the data directory back from a backup",
}


def remedy_for(said: str) -> str:
    """What mends the fault of which `said` speaks; PostgreSQL's own words follow it wherever it is shown."""
    return next((remedy for sign, remedy in REMEDIES.items() if sign in said), "PostgreSQL says why")
