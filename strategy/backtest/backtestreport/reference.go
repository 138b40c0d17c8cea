package backtestreport

import "github.com/lunobot/lunobot/strategy/backtest/search"

// Reference names the publication that a figure or a method is from.
type Reference struct {
	Of   string `json:"of" doc:"What it is the source of."`
	Text string `json:"text" doc:"Author, title, place and year."`
}

// methodReferences are those of how a space is gone through.
func methodReferences(m search.Method) []Reference {
	switch m {
	case search.Random:
		return []Reference{{"Random search", "Bergstra and Bengio, Random Search for Hyper-Parameter Optimization, Journal of Machine Learning Research 13, 2012"}}
	case search.TPE:
		return []Reference{{
			"TPE", "Bergstra, Bardenet, Bengio and Kégl, Algorithms for Hyper-Parameter Optimization, Advances in Neural Information Processing Systems 24, 2011",
		}}
	case search.Grid:
	}
	return nil
}

// frontier is the reference of the probability of a single Sharpe ratio.
func frontier(of string) Reference {
	return Reference{of, "Bailey and López de Prado, The Sharpe Ratio Efficient Frontier, Journal of Risk 15, 2012"}
}

func (s *Search) references() []Reference {
	out := []Reference{
		{"Deflated Sharpe ratio, Sharpe ratio by luck", "Bailey and López de Prado, The Deflated Sharpe Ratio, Journal of Portfolio Management 40, 2014"},
		{"Probability of backtest overfitting", "Bailey, Borwein, López de Prado and Zhu, The Probability of Backtest Overfitting, Journal of Computational Finance 20, 2017"},
		frontier("Length of a record"),
	}
	if len(s.Orders) > 0 {
		out = append(out, Reference{"Trades drawn anew", "Efron, Bootstrap Methods: Another Look at the Jackknife, Annals of Statistics 7, 1979"})
	}
	return append(out, methodReferences(s.in.Result.Method)...)
}

func (w *Walk) references() []Reference {
	return append([]Reference{
		{"Walk forward, efficiency", "Pardo, The Evaluation and Optimization of Trading Strategies, 2nd edition, Wiley, 2008, chapter 11"},
		frontier("Probability of a Sharpe ratio above 0"),
	}, methodReferences(w.in.Walk.Method)...)
}

// referenceLines writes references for a terminal.
func referenceLines(list []Reference) []string {
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = r.Of + ": " + r.Text
	}
	return out
}
