// Package errs is the vocabulary of failure that every package of the business
// world shares: a small set of kinds, one error type that carries a kind, a
// stable code, a sentence for people and the faulty fields, and two functions
// that read them back.
//
// It owns the kinds and their meaning. It does not own their HTTP form, which
// is package api's, nor the typed errors of the trading world (exchange.Error,
// param.Errors), which know nothing of this package.
//
// Smallest use:
//
//	return errs.New(errs.NotFound, "bot_not_found", "no bot %q", id)
//	...
//	if errs.KindOf(err) == errs.NotFound { ... }
package errs
