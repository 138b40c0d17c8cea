package billing

// DefaultCatalog returns the plans that are on offer unless the operator says
// otherwise: Free, Basic, Premium and Enterprise, priced by the month in US
// dollars.
func DefaultCatalog() *Catalog {
	return &Catalog{plans: []Plan{
		{
			ID: "free", Number: 1, Name: "Free", Version: 1, Interval: Month,
			Price:  Money{Minor: 0, Currency: "USD"},
			Limits: map[Feature]Limit{Bots: 1, Pairs: 1, APICallsPerHour: 100},
			Entitlements: Entitlements{
				Backtests: BacktestsNone, Channels: []Channel{Email}, Support: SupportCommunity,
			},
			Description: "Try one bot on one pair.",
			Bullets:     []string{"1 bot", "1 trading pair", "100 API calls an hour", "E-mail notifications", "Community support"},
		},
		{
			ID: "basic", Number: 2, Name: "Basic", Version: 1, Interval: Month,
			Price:  Money{Minor: 2999, Currency: "USD"},
			Limits: map[Feature]Limit{Bots: 3, Pairs: 5, APICallsPerHour: 1000},
			Entitlements: Entitlements{
				Backtests: BacktestsBasic, Channels: []Channel{Email, SMS}, Support: SupportEmail,
			},
			Description: "A few bots side by side, tested before they run.",
			Bullets: []string{
				"3 bots", "5 trading pairs", "1,000 API calls an hour", "E-mail and SMS notifications",
				"Basic backtests", "E-mail support",
			},
		},
		{
			ID: "premium", Number: 3, Name: "Premium", Version: 2, Interval: Month,
			Price:  Money{Minor: 9999, Currency: "USD"},
			Limits: map[Feature]Limit{Bots: 10, Pairs: 20, APICallsPerHour: 10000},
			Entitlements: Entitlements{
				APIAccess: true, Backtests: BacktestsAdvanced, Channels: Channels(),
				CustomIndicators: true, MaxIsolation: IsolationTenant, Support: SupportPriority,
			},
			Description: "For daily trading, with your own API keys and indicators.",
			Bullets: []string{
				"10 bots", "20 trading pairs", "10,000 API calls an hour", "All notification channels",
				"Advanced backtests", "Custom indicators", "API access", "Priority support",
			},
		},
		{
			ID: "enterprise", Number: 4, Name: "Enterprise", Version: 2, Interval: Month,
			Price:  Money{Minor: 29999, Currency: "USD"},
			Limits: map[Feature]Limit{Bots: Unlimited, Pairs: Unlimited, APICallsPerHour: Unlimited},
			Entitlements: Entitlements{
				APIAccess: true, Backtests: BacktestsAdvanced, Channels: Channels(),
				CustomIndicators: true, MaxIsolation: IsolationBot, SLA: "99.9", Support: SupportDedicated, WhiteLabel: true,
			},
			Description: "No limits, your own brand, and a promise of availability.",
			Bullets: []string{
				"Unlimited bots", "Unlimited trading pairs", "Unlimited API calls", "All features of Premium",
				"White label", "Dedicated support", "99.9 % availability",
			},
		},
	}}
}
