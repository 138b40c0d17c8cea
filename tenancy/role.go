package tenancy

// Role is what a member is in a tenant.
type Role string

// The roles, from all rights to none but looking.
const (
	// Owner may do everything, billing included.
	Owner Role = "owner"
	// Admin may do everything but pay.
	Admin Role = "admin"
	// Trader runs bots.
	Trader Role = "trader"
	// Viewer looks.
	Viewer Role = "viewer"
)

// Permission is one thing that a role may allow.
type Permission string

// The permissions that services check.
const (
	// BotsRead is seeing bots, orders, fills and reports.
	BotsRead Permission = "bots.read"
	// BotsWrite is creating, changing and deleting bots.
	BotsWrite Permission = "bots.write"
	// BotsTrade is starting and stopping bots.
	BotsTrade Permission = "bots.trade"
	// AccountsWrite is connecting and removing exchange accounts and their keys.
	AccountsWrite Permission = "accounts.write"
	// BillingRead is seeing plan, usage and invoices.
	BillingRead Permission = "billing.read"
	// BillingWrite is changing the plan and paying.
	BillingWrite Permission = "billing.write"
	// MembersRead is seeing who else is in the tenant.
	MembersRead Permission = "members.read"
	// MembersWrite is inviting, changing and removing members.
	MembersWrite Permission = "members.write"
)

// Permissions lists every permission, in the order of the constants.
func Permissions() []Permission {
	return []Permission{BotsRead, BotsWrite, BotsTrade, AccountsWrite, BillingRead, BillingWrite, MembersRead, MembersWrite}
}

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool {
	switch r {
	case Owner, Admin, Trader, Viewer:
		return true
	}
	return false
}

// Can reports whether the role allows p. An unknown role, and an unknown
// permission, allow nothing.
func (r Role) Can(p Permission) bool {
	switch p {
	case BotsRead, BillingRead, MembersRead:
		return r.Valid()
	case BotsWrite, BotsTrade:
		return r == Owner || r == Admin || r == Trader
	case AccountsWrite, MembersWrite:
		return r == Owner || r == Admin
	case BillingWrite:
		return r == Owner
	}
	return false
}
