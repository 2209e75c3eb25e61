"""The console: the pages of operators, supervisors and telecom staff.

One document (`shell.py`) holds all screens. Those that are live are drawn as pieces (`drawing.py`)
whenever something changed, and the feed sends what differs to every page; the others are fetched.
What a key does goes to `/order`, `/outcome` or `/callback`, and is judged there again.

A page is a function and a line in `routes.py`, guarded by `@require(...)`. It knows who asks by
`visitor(request)`, reads a form in `request.state.form`, has the rest `at_hand`, and answers by
`render(request, "a.html", ...)` with a template. A form holds `{{ csrf_field() }}`; a script sends
what the page's `<meta name="csrf">` says as `X-CSRF-Token`. Whoever shows a recording or a number
writes so into the audit (`watching.py`); what stays open asks `still_in(request)` once a minute.
"""
