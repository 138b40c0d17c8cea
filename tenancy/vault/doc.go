// Package vault seals the secrets that tenants entrust to the business, above
// all the keys of their exchange accounts.
//
// It owns key pairs, sealing and opening. It does not own where sealed values
// are kept (package account's rows), nor tables (package tenancydb implements
// Store).
//
// Who can do what:
//
//	key                                        held by           used by
//	key-encryption key (KEK), private half     workers           Opener
//	key-encryption key (KEK), public half      web and workers   Sealer
//	tenant's private half, wrapped to the KEK  the database      Opener
//	tenant's public half                       the database      Sealer
//
// The web tier seals with the tenant's public half. It makes a new tenant's
// pair itself and wraps the private half to the KEK's public half, so that it
// is never handed anything that opens. Where web tier and workers are one process, as
// in the role All of package saas, that process holds both halves, and this keeps
// secrets from mistakes of the web tier and from a dump of the database, but not from
// who can read the process or its configuration; in its other roles each process holds
// one half. Everything is HPKE (X25519,
// HKDF-SHA256, AES-256-GCM) by Tink.
//
// A sealed value is bound to its tenant and to the context that the caller
// names, such as the account: moved to another row it does not open. Deleting a
// tenant's keys makes every copy of what was sealed for it unreadable, backups
// of the keys' table aside.
//
// Smallest use:
//
//	sealer, err := vault.NewSealer(vault.SealerConfig{KEK: kek.Public(), Now: time.Now, Store: store})
//	sealed, err := sealer.Seal(ctx, tenantID, vault.NewSecret("…"), "account", accountID)
//	…
//	opener, err := vault.NewOpener(vault.OpenerConfig{KEK: kek, Store: store})
//	secret, err := opener.Open(ctx, tenantID, sealed, "account", accountID)
package vault
