// Package saas is the whole product in one value: a multi-tenant business that
// runs trading bots.
//
// It owns the composition: which part gets which, in what order they start and
// stop, the secrets, and the market: the demo market, or a venue's at its live
// prices. It has no rules of its own; they are in the packages that it joins. It
// does not listen on a port: the program does, with App.Handler, beside whatever
// else it serves.
//
// Smallest use:
//
//	app, err := saas.New(ctx, saas.Config{Strategies: bundle})
//	err = app.Start(ctx)
//	defer app.Stop()
//	http.ListenAndServe("127.0.0.1:5000", app.Handler())
package saas
