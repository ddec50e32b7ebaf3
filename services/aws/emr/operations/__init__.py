"""The operations of the EMR API, a module for each family; `engine.EmrEngine` is all of them together.

Each is a method with the operation's name in snake case that takes the request's members and returns the answer's.
Requests are taken to fit botocore's shapes; what AWS checks beyond that is checked, in AWS's words where they are
known. What has no method is refused by the wire as an unknown operation.
"""
