"""Catalogue files over the API and in the admin: uploaded, tried, applied, undone, and given out again.

``sniffing`` finds out what an upload is, ``fields`` what its columns mean, ``tables`` and ``lines`` read rows,
``building`` makes records of them, ``writing`` stores those as ``catalog.importing`` does, ``running`` and ``undoing``
are the steps of a worker, ``exporting`` goes the other way.
"""
