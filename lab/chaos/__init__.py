"""`lab chaos`: servers of the stack are killed while load runs, and then it is proved that nothing came of it."""
