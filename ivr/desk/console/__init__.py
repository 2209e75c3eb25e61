"""The console: the pages of operators, supervisors and telecom staff.

A page is a function and a line in `routes.py`, guarded by `@require(...)`. It knows who asks by
`visitor(request)`, reads a form in `request.state.form`, asks the database by
`request.app.state.door.records`, and answers by `render(request, "a.html", ...)` with a template
that extends `base.html`. A form holds `{{ csrf_field() }}`; a script sends what the page's
`<meta name="csrf">` says as `X-CSRF-Token`. Whoever shows a recording or a number writes so into
the audit (`ivr.records.audit.note`); what stays open asks `still_in(request)` once a minute.
"""
