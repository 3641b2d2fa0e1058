"""Reads a 200 of Clodura's enrich endpoint, whatever its shape, into frozen dataclasses.

Clodura publishes no example of an answer. So the contact is found by the names in the JSON and by where they stand
(`tree.py`, with the table of names in `fields.toml`), and never read by halves: what may hold a contact
and is not understood, candidates that contradict each other, and a stated cost that is higher than what was found
explains make an answer unreadable, with the reason.

| answer | is read as |
|---|---|
| `{"personId": …, "firstName": …, "organisation": {…}}` | person with organisation |
| the same in `{"data": …}`, `{"data": […]}`, `[…]`, `{"data": {"enrichedContact": …}}`, in JSON as text | the same |
| `{"person": {…}, "organisation": {…}, "creditUsage": {"used": 2}}` | the same, 2 credits stated |
| `{"organisation": {"name": …, "employees": [{"firstName": …}]}}` | the same: nested either way |
| `{"fullName": "Ada Byron", "position": "CTO", "companyName": …, "companyCity": …}` | the same, the name split |
| `{"name": {"first": …, "last": …}, "location": {"city": …}, "job": {"title": …}}` | objects are looked into |
| `{"fields": [{"key": "firstName", "value": "Ada"}, …]}` | a list of pairs is an object |
| `{"type": "person", "id": "p-1", "attributes": {…}}` | a type says whose it is |
| `{…, "experience": [{"title": "CTO", "current": true}, …]}` | the one present job, where nothing else says it |
| `{"person": null, "organisation": {…}}` | organisation |
| `{}`, `{"data": []}`, all keys null, `{"matched": false}`, the request repeated | no match |
| `{"success": false}`, `{"status": "processing"}` | unreadable: it failed, or is not ready |
| `{"organisation": {…}, "creditsUsed": 2}` | unreadable: the price says that a person is missed |
| `{"contacts": [{…}, {…}]}` with two people | unreadable: they contradict each other |
| `{"person": {…}, "xyz": {"a": "Engines", "b": "London"}}` | unreadable: `xyz` may be the organisation (or person) |
"""
