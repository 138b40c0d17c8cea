package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/errs"
)

// usable is the Conflict of an account that no bot can trade on.
func (s *Service) usable(a account.Account) *errs.Error {
	switch {
	case a.Venue != s.cfg.LiveVenue:
		return errs.New(errs.Conflict, "account_elsewhere", "%s is an account of the exchange %s, and this server trades at %s", a.Name, a.Venue, s.cfg.LiveVenue)
	case a.State != account.Connected:
		return errs.New(errs.Conflict, "account_not_connected", "%s cannot be traded on: %s", a.Name, reasonOf(a))
	}
	return nil
}

func reasonOf(a account.Account) string {
	if a.Reason == "" {
		return "its key is " + string(a.State)
	}
	return a.Reason
}

// allocate finds out how much of the account's money is free, and refuses what is
// more than that. What the bot itself has there already counts as free, but for what it has
// spent since the account was looked at.
func (s *Service) allocate(ctx context.Context, sum *LiveSummary, b Bot) (*errs.Error, error) {
	a := sum.Account
	if a.BalancesAt.IsZero() {
		return errs.New(errs.Conflict, "balance_unknown", "what %s holds has not been seen yet: have its key checked again, and try then", a.Name), nil
	}
	sum.Held = a.Held(sum.Currency).Total
	claims, err := s.cfg.Store.Claims(ctx, b.TenantID, a.ID, sum.Currency, a.BalancesAt)
	if err != nil {
		return nil, err
	}
	sum.Free = sum.Held
	var others []string
	spent := decimal.Zero
	for _, c := range claims {
		if c.BotID != b.ID && c.Amount.IsPositive() {
			sum.Free = sum.Free.Sub(c.Amount)
			others = append(others, c.Name)
		}
		gone := []map[string]decimal.Decimal{c.Spent}
		if c.BotID == b.ID {
			gone = append(gone, c.Placed)
		}
		for _, of := range gone {
			for pair, amount := range of {
				if m, err := s.cfg.Markets.Market(pair); err == nil && m.Counter == sum.Currency {
					spent = spent.Add(amount)
				}
			}
		}
	}
	sum.Free = sum.Free.Sub(spent)
	if sum.Free = decimal.Max(sum.Free, decimal.Zero); sum.Balance.LessThanOrEqual(sum.Free) {
		return nil, nil
	}
	text := fmt.Sprintf("%s held %s %s when it was last looked at, and %s of that is free", a.Name, exchange.Grouped(sum.Held.String()), sum.Currency,
		exchange.Grouped(sum.Free.String()))
	if len(others) > 0 {
		text += fmt.Sprintf(" beside what %s may use", strings.Join(others, " and "))
	}
	if spent.IsPositive() {
		text += fmt.Sprintf("; %s was spent since by bots that have begun anew or went back to paper", exchange.Grouped(spent.String()))
	}
	return errs.New(errs.Conflict, "allocation_unavailable", "%s: give the bot at most that much, or pay in and have the key checked again", text).
		With("currency", sum.Currency).With("held", sum.Held.String()).With("free", sum.Free.String()), nil
}

// last returns the last prices of a configuration's pairs, as far as they are known. The
// exchange may be asked: it is no call for a transaction.
func (s *Service) last(ctx context.Context, c Config) map[string]exchange.Ticks {
	if s.cfg.Prices == nil {
		return nil
	}
	return s.cfg.Prices(ctx, append([]string{c.Pair}, c.Also...))
}

// enough notes a balance for which not one order can be placed in any of a bot's pairs, at
// last prices as far as they are known.
func (s *Service) enough(f *errs.Fields, balance decimal.Decimal, c Config, prices map[string]exchange.Ticks) {
	if !balance.IsPositive() {
		return // noted
	}
	var least decimal.Decimal
	var where exchange.Market
	for _, pair := range append([]string{c.Pair}, c.Also...) {
		m, err := s.cfg.Markets.Market(pair)
		if err != nil {
			return // noted elsewhere
		}
		need := decimal.Max(m.Amount(m.MinValue), m.Volume(m.MinVolume).Mul(m.Price(max(prices[pair], m.MinPrice, 1))))
		if where.Pair == "" || need.LessThan(least) {
			least, where = need, m
		}
	}
	f.Check(balance.GreaterThanOrEqual(least), "/balance", fmt.Sprintf("must be at least %s %s: the least order in %s costs that much at present",
		exchange.Grouped(least.String()), where.Counter, where.Pair))
}

// renew ends the account that a bot keeps, so that the next start begins another.
func (s *Service) renew(ctx context.Context, b Bot) error {
	b.Ledger++
	b.UpdatedAt = s.now()
	if err := s.cfg.Store.UpdateBot(ctx, b.TenantID, b); err != nil {
		return err
	}
	return s.cfg.Store.CloseBooks(ctx, b.TenantID, b.ID)
}

// changed follows a change of the configuration, in the transaction that stores it.
// A live bot that gets another balance, or other pairs, begins another account: it
// must have nothing at its exchange but money, and the new balance must be free there.
func (s *Service) changed(ctx context.Context, b Bot, before, after Config) error {
	same := before.tradesAs(after) && before.Risk.equal(after.Risk)
	if !same {
		b.SetupAt = s.now()
	}
	if after.Mode == Live && (!before.Balance.Equal(after.Balance) || !slices.Equal(before.Also, after.Also)) {
		if err := s.reallocate(ctx, b, after); err != nil {
			return err
		}
		return s.renew(ctx, b)
	}
	if same {
		return nil
	}
	return s.cfg.Store.UpdateBot(ctx, b.TenantID, b)
}

// reallocate is the error of a live bot that cannot begin another account with its
// balance.
func (s *Service) reallocate(ctx context.Context, b Bot, c Config) error {
	a, err := s.cfg.Store.LockAccount(ctx, b.TenantID, c.AccountID)
	if err != nil {
		return err
	}
	if e := s.usable(a); e != nil {
		return e
	}
	stake, err := s.cfg.Store.Stake(ctx, b.TenantID, b.ID)
	switch {
	case err != nil:
		return err
	case len(stake.Unsettled) > 0:
		return errUnsettled(b, stake)
	}
	for _, h := range stake.Held {
		m, err := s.cfg.Markets.Market(h.Pair)
		if err != nil || h.Amount.GreaterThanOrEqual(m.Volume(m.MinVolume)) {
			return errs.New(errs.Conflict, "position_held",
				"%s holds %s %s: let it sell that before you change its balance or its pairs, for it begins anew with them", b.Name, h.Amount, h.Currency)
		}
	}
	market, err := s.cfg.Markets.Market(c.Pair)
	if err != nil {
		return fmt.Errorf("the pair of bot %s: %w", b.ID, err)
	}
	refusal, err := s.allocate(ctx, &LiveSummary{Account: a, Currency: market.Counter, Balance: c.Balance}, b)
	if err != nil || refusal == nil {
		return err
	}
	return refusal
}
