package engine

import (
	"errors"
	"slices"
)

// BasketState is all that a basket remembers between two steps, for checkpoints.
type BasketState struct {
	// Pool is the cash that no order holds, in the shared unit of the markets.
	Pool int64 `json:"pool"`
	// Legs are the pairs, the bot's own first.
	Legs []LegState `json:"legs"`
}

// LegState is the state of one pair. The account's worth and its peak are in that
// of the bot's own pair.
type LegState struct {
	Pair  string `json:"pair"`
	State State  `json:"state"`
}

// State returns a copy of the basket's state.
func (b *Basket) State() BasketState {
	st := BasketState{Pool: b.pool}
	for _, l := range b.legs {
		st.Legs = append(st.Legs, LegState{Pair: l.cfg.Market.Pair, State: l.Session.State()})
	}
	return st
}

// Restore puts the basket in a state that it had before, and of the same pairs;
// the venues are restored beside it. A state of other pairs is an error and changes
// nothing.
func (b *Basket) Restore(st BasketState) error {
	if !slices.EqualFunc(b.legs, st.Legs, func(l *leg, s LegState) bool { return l.cfg.Market.Pair == s.Pair }) {
		return errors.New("engine: the state is of other pairs")
	}
	b.pool, b.now, b.stage, b.later, b.failed = st.Pool, 0, ended, nil, nil
	for i, l := range b.legs {
		l.Session.Restore(st.Legs[i].State)
		b.now = max(b.now, l.now())
		b.watches = b.watches || l.watches
	}
	return nil
}
