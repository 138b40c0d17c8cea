// Package tenancy knows who uses the business: tenants, the people in them,
// what a role may do, and the sessions through which people act.
//
// It owns registration, passwords, logins and their throttling, access and
// refresh tokens, the one-time administrator link, and the Store interface
// behind them. It does not own plans and limits (package billing), the HTTP
// form of any of this (packages api and web), nor tables (package tenancydb).
// Secrets of tenants are sealed by package vault.
//
// The rules of the house that it keeps:
//
//   - A person is known to a business by a normalised e-mail address. Users are
//     global; everything else belongs to a tenant, and every store call for it
//     names the tenant. Another tenant's id is NotFound, like one that never was.
//   - A session is a family of refresh tokens. Only the newest token works; using
//     an older one ends the session (see Service.Refresh).
//   - An access token says who asks; whether the session, the membership and the
//     user still stand is read from the database at each request.
//   - Unknown user, wrong password and disabled user cannot be told apart, neither
//     by the answer nor by its time.
//
// Smallest use:
//
//	svc, err := tenancy.New(tenancy.Config{Store: store, Tx: database, Events: outbox,
//		Tokens: tenancy.TokenConfig{Keys: keys}, Enrol: billing.Enrol})
//	login, err := svc.Register(ctx, tenancy.RegisterInput{Email: "ada@example.com", …})
//	who, err := svc.Authenticate(ctx, login.Tokens.AccessToken)
package tenancy
