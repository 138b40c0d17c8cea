package lunosim

import (
	"sync"
	"sync/atomic"

	"github.com/lunobot/lunobot/exchange/paper"
)

// account is an account with its ledgers.
type account struct {
	name       string
	member     *paper.Member
	currencies []string
	// ids are Luno's ids of the account, one a currency.
	ids     map[string]int64
	ledgers map[string]*ledger
	feed    feed
}

// key is a key at work.
type key struct {
	Key
	account *account
	revoked atomic.Bool
	// heard is up to where the key's user streams have surely heard their account's
	// feed; 0 before the first.
	heard atomic.Int64
}

// confirm says up to where the feed has arrived.
func (k *key) confirm(heard int64) {
	for {
		was := k.heard.Load()
		if heard <= was || k.heard.CompareAndSwap(was, heard) {
			return
		}
	}
}

// hear books what happens to the account. It is called under the venue's lock.
func (a *account) hear(e paper.MemberEvent) {
	m := userEvent{MemberEvent: e}
	if e.Posting != nil {
		l := a.ledgers[e.Posting.Currency]
		m.ledger, m.row = l.id, l.add(*e.Posting)
	}
	a.feed.add(m)
}

// ledger is all changes of one currency's balance; rows count from 1.
type ledger struct {
	currency string
	id       int64

	mu   sync.Mutex
	rows []paper.Posting
}

func (l *ledger) add(p paper.Posting) (row int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows = append(l.rows, p)
	return int64(len(l.rows))
}

// between returns the rows from first on and before end, and the number of the
// first of them. Numbers that are not above 0 count from the newest.
func (l *ledger) between(first, end int64) (rows []paper.Posting, at int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := int64(len(l.rows))
	if first <= 0 {
		first = n + 1 + first
	}
	if end <= 0 {
		end = n + 1 + end
	}
	first, end = max(first, 1), min(end, n+1)
	if first >= end {
		return nil, first
	}
	return l.rows[first-1 : end-1 : end-1], first
}

// byID finds a ledger of the account.
func (a *account) byID(id int64) *ledger {
	for _, l := range a.ledgers {
		if l.id == id {
			return l
		}
	}
	return nil
}
