"""The console: a page on the EMR endpoint's clusters, steps and logs, which also cancels steps and ends clusters.

`guard` says who may ask; `views` asks the operations of the API for what the page shows; `commands` writes commands
to be read and copied; `app` is the ASGI application; `page` is what the browser gets.
"""
