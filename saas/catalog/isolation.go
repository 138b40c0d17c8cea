package catalog

// Isolation says who shares a process with whom.
type Isolation string

// The isolations, from the least.
const (
	// Shared lets all bots of a version share one.
	Shared Isolation = "shared"
	// PerTenant gives each tenant's bots of a version one of their own.
	PerTenant Isolation = "tenant"
	// PerBot gives each bot one.
	PerBot Isolation = "bot"
)

// Isolations lists them from the least.
func Isolations() []Isolation { return []Isolation{Shared, PerTenant, PerBot} }

// rank orders isolations; what is not known is the least.
func (i Isolation) rank() int {
	for n, known := range Isolations() {
		if i == known {
			return n
		}
	}
	return 0
}

// Valid reports whether it is one of Isolations.
func (i Isolation) Valid() bool { return i == Shared || i.rank() > 0 }

// Stricter returns the stricter of two.
func (i Isolation) Stricter(o Isolation) Isolation {
	if o.rank() > i.rank() {
		return o
	}
	if i.rank() == 0 {
		return Shared
	}
	return i
}

// AtMost returns the laxer of two.
func (i Isolation) AtMost(most Isolation) Isolation {
	if i.rank() > most.rank() {
		return most.Stricter(Shared)
	}
	return i.Stricter(Shared)
}

// Key returns what a bot's process is asked for with: bots of one key share it.
func (i Isolation) Key(tenantID, botID string) string {
	switch i {
	case PerTenant:
		return "tenant:" + tenantID
	case PerBot:
		return "bot:" + botID
	case Shared:
	}
	return string(Shared)
}
