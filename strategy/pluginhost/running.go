package pluginhost

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Running is a process of the host at a moment.
type Running struct {
	// Name is the key of its source.
	Name string
	// Share is the key by which it was asked for and is shared; "" for one that
	// nobody shares, such as a backtest's.
	Share string
	// ID is the operating system's process id.
	ID string
	// Bots is how many are open in it, Started when it began.
	Bots    int
	Started time.Time
}

// Running lists the processes that are not over, by name, share and age.
func (h *Host) Running() []Running {
	h.mu.Lock()
	defer h.mu.Unlock()
	shares := make(map[*Process]string, len(h.slots))
	for k, s := range h.slots {
		if s.process != nil {
			shares[s.process] = k.key
		}
	}
	list := make([]Running, 0, len(h.running))
	for p := range h.running {
		if p.Err() == nil {
			list = append(list, Running{Name: p.name, Share: shares[p], ID: p.ID(), Bots: p.Bots(), Started: p.started})
		}
	}
	slices.SortFunc(list, func(a, b Running) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Share, b.Share), a.Started.Compare(b.Started))
	})
	return list
}
