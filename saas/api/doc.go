// Package api is the versioned JSON interface of the business: what a tenant's
// own programs do, over HTTP, and the OpenAPI 3.1 document that describes it.
//
// It owns the routes under /api/v1, the form of their bodies, cursors, errors
// and entity tags, the check of the bearer token, the stream of a bot's events,
// /openapi.json with its readable form at /docs, and /health and /ready. It does
// not own any rule: a handler decodes, calls a service and encodes.
//
// What holds everywhere:
//
//   - The caller is who the access token in the Authorization header says.
//     Cookies are not looked at, so there is nothing to forge across sites. The
//     tenant comes from the token and from nowhere else.
//   - A field, or a query parameter, that a route does not know is a 400 that
//     names it. Field names are compared to the letter.
//   - Every error is a problem of RFC 9457. A fault of ours shows a request id
//     and nothing else; the cause is in the log under the same id.
//   - Lists are {items, next_cursor}; a cursor is signed and belongs to one list
//     of one tenant.
//   - Decimals are strings and times are RFC 3339 in UTC.
//
// Bodies are checked by the validate tags of their types. The document is made
// from the same tags, so that it cannot promise something else.
//
// Smallest use:
//
//	a, err := api.New(api.Config{Tenancy: people, Billing: plans, Bots: bots, Journal: j, …})
//	http.ListenAndServe(addr, a.Handler())
package api
