// Package web is the dashboard that tenants see, and the pages of the
// installation's administrators: rendered here from html/template, made lively by
// htmx, two chart libraries and a little JavaScript of its own, all of it embedded.
//
// It owns the browser's side of a session (one cookie that holds the tokens),
// the pages with their states (empty, limit reached, no permission, error), and
// the event stream of a bot's page. It does not own a rule of the business:
// every decision is a service's, whose errors become pages and field messages
// here. The JSON API is package api's.
//
// No page needs an inline script or style, so the content security policy
// allows none. Assets carry the hash of all assets in their path and are cached
// for ever.
//
// Smallest use:
//
//	pages, err := web.New(web.Config{Tenancy: people, Billing: billing, Gate: billing.Gate(), Bots: bots, …})
//	mux.Handle("/", pages.Handler())
package web
