package lunosim

import (
	"fmt"

	"github.com/lunobot/lunobot/exchange"
)

// spelling is a market's state as Luno's calls spell it in two ways.
type spelling struct{ market, ticker string }

// status spells the venue's status of the market.
func (m *market) status(s exchange.MarketStatus) spelling {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case s == exchange.MarketActive:
		return spelling{"ACTIVE", "ACTIVE"}
	case s == exchange.MarketPostOnly && m.suspended:
		return spelling{"SUSPENDED", "DISABLED"}
	case s == exchange.MarketPostOnly:
		return spelling{"POST_ONLY", "POSTONLY"}
	}
	return spelling{"UNKNOWN", "UNKNOWN"}
}

// SetStatus changes a market's state to ACTIVE, POST_ONLY, SUSPENDED, both of which
// take post-only orders alone, or UNKNOWN, which takes none.
func (s *Sim) SetStatus(pair, state string) error {
	m := s.markets[pair]
	if m == nil {
		return fmt.Errorf("lunosim: there is no market %q", pair)
	}
	status := exchange.MarketActive
	switch state {
	case "ACTIVE":
	case "POST_ONLY", "SUSPENDED":
		status = exchange.MarketPostOnly
	case "UNKNOWN":
		status = exchange.MarketDisabled
	default:
		return fmt.Errorf("lunosim: %q is no state of a market: ACTIVE, POST_ONLY, SUSPENDED and UNKNOWN are", state)
	}
	m.mu.Lock()
	m.suspended = state == "SUSPENDED"
	m.mu.Unlock()
	return s.venue.SetStatus(pair, status)
}

// isSuspended reports whether the market is suspended.
func (m *market) isSuspended() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.suspended
}
