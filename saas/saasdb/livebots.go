package saasdb

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/journal"
)

// How far the points of an equity curve lie apart while a bot runs, and how far where
// it was thinned.
const (
	wholeGap   = 15 * time.Minute
	thinnedGap = time.Hour
)

// PaperRun implements bot.Store. A bot runs between two points of its equity curve
// that lie no farther apart than those of a running bot.
func (s *Store) PaperRun(ctx context.Context, tenantID, botID string, since, thinned time.Time) (bot.PaperRun, error) {
	var run bot.PaperRun
	var micros int64
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewRaw("SELECT COALESCE(SUM(gap), 0) FROM (SELECT at, at - LAG(at) OVER (ORDER BY at) AS gap FROM bot_equity "+
			"WHERE tenant_id = ?0 AND bot_id = ?1 AND at >= ?2) AS e WHERE gap <= ?3 OR (at < ?4 AND gap <= ?5)",
			tenantID, botID, max(0, since.UnixMicro()), wholeGap.Microseconds(), thinned.UnixMicro(), thinnedGap.Microseconds()).Scan(ctx, &micros)
		if err != nil {
			return fmt.Errorf("reading how long bot %s has run: %w", botID, err)
		}
		b, err := selectBot(ctx, tx, tenantID, botID)
		if err != nil {
			return err
		}
		sums, err := s.Summaries(ctx, tenantID, botID)
		if sum, ok := sums[botID]; ok && sum.Ledger == b.Ledger {
			run = bot.PaperRun{MaxDrawdown: sum.MaxDrawdown, Profit: sum.Profit, Fees: sum.Fees, Trades: sum.Trades}
		}
		return err
	})
	run.Lasted = time.Duration(micros) * time.Microsecond
	return run, err
}

// Claims implements bot.Store. What a bot had since the time is what it has, less
// what its fills have brought since.
func (s *Store) Claims(ctx context.Context, tenantID, accountID, currency string, since time.Time) ([]bot.Claim, error) {
	var configs []configRow
	var books []bookRow
	var fills []liveFillRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		// The condition is that of the index bot_configs_account.
		err := tx.NewSelect().Model(&configs).Where("c.tenant_id = ? AND c.account_id = ? AND c.account_id <> ''", tenantID, accountID).Order("c.bot_id").Scan(ctx)
		if err != nil {
			return fmt.Errorf("reading the bots of account %s: %w", accountID, err)
		}
		if err := tx.NewSelect().Model(&books).Where("tenant_id = ? AND account = ?", tenantID, accountID).Order("bot_id", "pair").Scan(ctx); err != nil {
			return fmt.Errorf("reading the books of account %s: %w", accountID, err)
		}
		err = tx.NewSelect().Model(&fills).Where("f.tenant_id = ? AND f.at >= ?", tenantID, db.At(since)).
			Where("EXISTS (SELECT 1 FROM live_orders AS o WHERE o.tenant_id = f.tenant_id AND o.bot_id = f.bot_id AND o.number = f.number AND o.account = ?)", accountID).
			Order("f.at DESC", "f.event DESC").Scan(ctx)
		if err != nil {
			return fmt.Errorf("reading fills on account %s: %w", accountID, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, f := range fills {
		if !slices.ContainsFunc(configs, func(c configRow) bool { return c.BotID == f.BotID }) {
			configs = append(configs, configRow{BotID: f.BotID}) // it has left the account
		}
	}
	claims := make([]bot.Claim, len(configs))
	for i, c := range configs {
		claims[i] = claimOf(c, currency, convert(books, bookRow.book), convert(fills, liveFillRow.fill))
	}
	return claims, nil
}

// claimOf is what a bot may call its own of a currency; the fills are newest first.
func claimOf(c configRow, currency string, books []journal.Book, fills []journal.LiveFill) bot.Claim {
	claim := bot.Claim{BotID: c.BotID, Name: c.Name, Amount: c.Balance, Spent: map[string]decimal.Decimal{}, Placed: map[string]decimal.Decimal{}}
	own := map[string][]journal.LiveFill{}
	for _, f := range fills {
		if f.BotID == c.BotID {
			own[f.Pair] = append(own[f.Pair], f)
		}
	}
	found := false
	for _, b := range books {
		if b.BotID != c.BotID {
			continue
		}
		if !found {
			found, claim.Amount = true, decimal.Zero
		}
		var present []journal.LiveFill
		present, own[b.Pair] = since(b, own[b.Pair])
		now := amountOf(b, currency)
		most := now
		for _, f := range present { // back in time
			before := amountOf(journal.Book{BaseCurrency: b.BaseCurrency, CounterCurrency: b.CounterCurrency}.Take(f), currency)
			now = now.Sub(before)
			most = decimal.Max(most, now)
		}
		claim.Amount = claim.Amount.Add(most)
		claim.Placed[b.Pair] = spent(present)
	}
	for pair, earlier := range own {
		claim.Spent[pair] = spent(earlier)
	}
	return claim
}

// since splits fills in a book's pair, newest first, into those that made it what it is and
// those of books before it: it began with what it was given.
func since(b journal.Book, fills []journal.LiveFill) (present, earlier []journal.LiveFill) {
	for i, f := range fills {
		if b.Base.Equal(b.GivenBase) && b.Counter.Equal(b.GivenCounter) {
			return fills[:i], fills[i:]
		}
		change := journal.Book{}.Take(f)
		b.Base, b.Counter = b.Base.Sub(change.Base), b.Counter.Sub(change.Counter)
	}
	return fills, nil
}

// spent is the most of the counter currency that was gone at any time by fills of one pair,
// newest first.
func spent(fills []journal.LiveFill) decimal.Decimal {
	most, now := decimal.Zero, decimal.Zero
	for _, f := range fills { // back in time
		now = now.Sub(journal.Book{}.Take(f).Counter)
		most = decimal.Max(most, now)
	}
	return most
}

// amountOf is what a book has of a currency.
func amountOf(b journal.Book, currency string) decimal.Decimal {
	amount := decimal.Zero
	if b.BaseCurrency == currency {
		amount = amount.Add(b.Base)
	}
	if b.CounterCurrency == currency {
		amount = amount.Add(b.Counter)
	}
	return amount
}

// Stake implements bot.Store.
func (s *Store) Stake(ctx context.Context, tenantID, botID string) (bot.Stake, error) {
	st, err := s.LiveState(ctx, tenantID, botID)
	if err != nil {
		return bot.Stake{}, err
	}
	stake := bot.Stake{
		Unsettled:  convert(st.Orders, func(o journal.LiveOrder) bot.LostOrder { return lostOrder(o, st.Check) }),
		Accounts:   convert(st.Orders, func(o journal.LiveOrder) string { return o.Account }),
		ComparedAt: st.Check.At,
	}
	slices.Sort(stake.Accounts)
	stake.Accounts = slices.Compact(stake.Accounts)
	for _, b := range st.Books {
		if !b.Base.IsZero() {
			stake.Held = append(stake.Held, bot.Holding{Pair: b.Pair, Currency: b.BaseCurrency, Amount: b.Base})
		}
	}
	return stake, nil
}

// CloseBooks implements bot.Store.
func (s *Store) CloseBooks(ctx context.Context, tenantID, botID string) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		for _, row := range []any{(*bookRow)(nil), (*foreignRow)(nil), (*checkRow)(nil)} {
			if _, err := tx.NewDelete().Model(row).Where(ofBot, tenantID, botID).Exec(ctx); err != nil {
				return fmt.Errorf("closing the books of bot %s: %w", botID, err)
			}
		}
		return nil
	})
}

// AccountBots implements account.Connections.
func (s *Store) AccountBots(ctx context.Context, tenantID, id string) ([]string, error) {
	var names []string
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model((*configRow)(nil)).Column("name").Where("tenant_id = ? AND account_id = ? AND account_id <> ''", tenantID, id).
			Order("name").Scan(ctx, &names)
		if err != nil {
			return fmt.Errorf("reading the bots of account %s: %w", id, err)
		}
		return nil
	})
	return names, err
}
