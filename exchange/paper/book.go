package paper

import (
	"fmt"
	"math/bits"

	"github.com/lunobot/lunobot/exchange"
)

// book is one market with its resting orders.
type book struct {
	market exchange.Market
	// base and counter are the assets' places; stepAtoms and unitAtoms say how
	// many atoms of them make a step and a unit.
	base, counter        int
	stepAtoms, unitAtoms int64
	bids, asks           side
	// stops are the orders that wait for a trade at their price, oldest first.
	stops []*entry
	// tape holds the trades that are not forgotten; their sequence counts from 1
	// and lastTrade is the newest one's.
	tape      []exchange.Trade
	lastTrade int64
	// low and high are the range of the trades since stops were last looked at.
	low, high exchange.Ticks
	// sequence counts what happened to the book, and watchers hear of it;
	// executions are those of the order that is being matched.
	sequence   int64
	watchers   []*bookWatcher
	executions []Execution
	// dayFrom is the first trade of the last 24 hours, dayVolume their volume.
	dayFrom   int
	dayVolume exchange.Steps
	// changed is when the book last changed, in milliseconds.
	changed int64
}

func newBook(m exchange.Market, assets []asset) (*book, error) {
	b := &book{market: m, base: assetIndex(assets, m.Base), counter: assetIndex(assets, m.Counter)}
	var err error
	if b.stepAtoms, err = assets[b.base].atoms(m.Step); err != nil {
		return nil, fmt.Errorf("step of %s: %w", m.Pair, err)
	}
	if b.unitAtoms, err = assets[b.counter].atoms(m.Tick.Mul(m.Step)); err != nil {
		return nil, fmt.Errorf("unit of %s: %w", m.Pair, err)
	}
	b.bids.sign, b.asks.sign, b.sequence = -1, 1, 1
	return b, nil
}

// side returns the orders that an order of the given side would rest among.
func (b *book) side(s exchange.Side) *side {
	if s == exchange.Buy {
		return &b.bids
	}
	return &b.asks
}

// maxHeight is the largest number of lists that a level is in: enough for
// 4^12 levels.
const maxHeight = 12

// side is one side of a book: its price levels in a skip list, best first, and
// at each level its orders, oldest first. Adding and taking a level is
// O(log levels), everything else O(1).
type side struct {
	// sign turns prices into keys that grow from best to worst.
	sign   int64
	head   [maxHeight]*level
	levels map[exchange.Ticks]*level
	// chance is the state of the generator of heights. It begins alike on each
	// side, so that nothing depends on luck.
	chance uint64
}

// level is the queue at one price.
type level struct {
	price       exchange.Ticks
	key         int64
	volume      exchange.Steps
	first, last *entry
	next        []*level
}

// best returns the best level; nil if there is none.
func (s *side) best() *level { return s.head[0] }

// worse returns the next level after l.
func (l *level) worse() *level { return l.next[0] }

// add puts an order at the end of its price's queue.
func (s *side) add(e *entry) {
	price := e.order.Request.Price
	l := s.levels[price]
	if l == nil {
		l = s.insert(price)
	}
	e.level, e.before = l, l.last
	if l.last == nil {
		l.first = e
	} else {
		l.last.after = e
	}
	l.last = e
	l.volume += e.order.Remaining()
}

// remove takes an order out of its queue.
func (s *side) remove(e *entry) {
	l := e.level
	l.volume -= e.order.Remaining()
	if e.before == nil {
		l.first = e.after
	} else {
		e.before.after = e.after
	}
	if e.after == nil {
		l.last = e.before
	} else {
		e.after.before = e.before
	}
	e.level, e.before, e.after = nil, nil, nil
	if l.first == nil {
		s.drop(l)
	}
}

func (s *side) insert(price exchange.Ticks) *level {
	l := &level{price: price, key: s.sign * int64(price), next: make([]*level, s.height())}
	path := s.path(l.key)
	for i := range l.next {
		l.next[i] = *path[i]
		*path[i] = l
	}
	if s.levels == nil {
		s.levels = make(map[exchange.Ticks]*level)
	}
	s.levels[price] = l
	return l
}

func (s *side) drop(l *level) {
	path := s.path(l.key)
	for i := range l.next {
		*path[i] = l.next[i]
	}
	delete(s.levels, l.price)
}

// path returns, for each list, the link that leads to the first level at key or
// after.
func (s *side) path(key int64) (path [maxHeight]**level) {
	links := s.head[:]
	for i := maxHeight - 1; i >= 0; i-- {
		for links[i] != nil && links[i].key < key {
			links = links[i].next
		}
		path[i] = &links[i]
	}
	return path
}

// height returns how many lists a new level joins: each more with one chance in
// four.
func (s *side) height() int {
	s.chance += 0x9e3779b97f4a7c15
	x := s.chance
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return min(maxHeight, 1+bits.TrailingZeros64(x^x>>31)/2)
}
