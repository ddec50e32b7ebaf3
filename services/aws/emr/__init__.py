"""The EMR engine as a library: clusters and steps with AWS's states, run by an executor.

`engine.EmrEngine` has a method per API operation; `scheduler` moves the states; `store` keeps them; `executor`
starts, watches and ends the processes of steps; `jars` knows what a step's JAR means; `logs` writes the four logs.
Nothing of the wire is here.
"""
