// Package ceiling has the bounds that a tenant sets to all of its live bots together, by
// counter currency: the most that they may have at stake, and the most that they may lose
// in a day (rule RK1).
//
// It owns the ceilings, who may set them, what stands against a new order, and that a
// tenant is told of a loss that has reached one. It does not own the bounds of a single bot
// (bot.Risk, package risk), nor the tables (package saasdb implements Store and asks
// Ceiling.Denies in the transaction that commits an intent, so that no two workers exceed
// one together).
//
// A ceiling denies entries only: what sells, and what protects, goes on. Exposure is what
// positions are worth, at the last price that their bots saw, and what open buys may yet
// spend. The day is that of UTC. Its loss is what the bots' accounts are worth less than at
// its beginning, or than when they began within it; while a live bot holds something it is
// written down every minute. A loss that has reached its ceiling denies entries until the
// day is over, also if it grows smaller again, until the ceiling is set anew.
//
// A bot at rest, which was stopped or failed, is not valued any more. What it holds is at
// stake, at the newest price that any live bot of the tenant saw in its pair, or else at the
// last trade. To the day's loss it adds what it had lost when it came to rest, and nothing on
// the days after: what its position gains or loses since is its tenant's to watch.
//
// Smallest use:
//
//	s, err := ceiling.NewService(ceiling.Config{…})
//	c, err := s.Set(ctx, who, ceiling.SetInput{Currency: "MYR", MaxExposure: decimal.NewFromInt(5000)})
//	err = s.Watch(ctx) // on workers, every few seconds
package ceiling
