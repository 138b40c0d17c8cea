// Package event holds the envelope of a domain event: what happened, to whom,
// when, and the facts as JSON.
//
// It owns the envelope only. Event types and their payloads belong to the
// package in which they happen; storing and relaying them is package outbox's.
//
// Smallest use:
//
//	e, err := event.New(now, tenantID, "bot.started", botID, payload)
package event
