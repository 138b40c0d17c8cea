package lunosim

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// full is a file on a disk that has room for some bytes still, and for more once a write
// was refused.
type full struct {
	output
	room    int
	refused bool
}

var errFull = errors.New("no space left")

func (f *full) Write(b []byte) (int, error) {
	if f.refused || len(b) <= f.room {
		f.room -= len(b)
		return f.output.Write(b)
	}
	f.refused = true
	n, err := f.output.Write(b[:f.room])
	return n, errors.Join(err, errFull)
}

// proves T8 on a full disk: the state file ends with the last line that was written whole,
// whatever there is room for later, and Keep tells at once.
func TestStateFileOnAFullDisk(t *testing.T) {
	t.Parallel()
	cfg := Config{Markets: Markets(), Accounts: DefaultAccounts(7, 1), Seed: 7, State: filepath.Join(t.TempDir(), "state.json")}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	deposit := func(amount int64) {
		t.Helper()
		if err := s.Deposit(s.accounts[0].name, "MYR", decimal.New(amount, 0)); err != nil {
			t.Fatal(err)
		}
	}
	had := s.accounts[0].balance(t, "MYR")
	deposit(1)
	s.file.mu.Lock()
	s.file.file = &full{output: s.file.file, room: 10}
	s.file.mu.Unlock()
	deposit(10)
	deposit(100)
	if err := s.Keep(t.Context()); !errors.Is(err, errFull) {
		t.Errorf("Keep returned %v", err)
	}
	again, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got, want := again.accounts[0].balance(t, "MYR"), had.Add(decimal.New(1, 0)); !got.Equal(want) {
		t.Errorf("the balance is %s, want %s", got, want)
	}
}

// balance is what an account has of a currency.
func (a *account) balance(t *testing.T, currency string) decimal.Decimal {
	t.Helper()
	list, err := a.member.Balances(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(b exchange.Balance) bool { return b.Currency == currency })
	return list[i].Total
}
