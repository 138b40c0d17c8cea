package tenancy

import "time"

// Tenant is one customer of the business: the owner of bots, keys and plan.
type Tenant struct {
	// ID is a UUIDv7.
	ID string
	// Name is what people call it; at first the name of its founder.
	Name string
	// CreatedAt is in UTC.
	CreatedAt time.Time
}

// Membership says that a user belongs to a tenant, and as what.
type Membership struct {
	TenantID  string
	UserID    string
	Role      Role
	CreatedAt time.Time
}
