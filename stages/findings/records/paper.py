"""What the paper states about sizes, to stand beside ours (arXiv 1412.3555v1).

Its results (Table 2) are in data/published_results.csv.
"""

# What the paper's Table 1 counts, under its name in params.yaml.
MATCHING = "recurrent"

# Table 1: (units, weights of the recurrent layer as printed), by kind of output (Bernoulli: music, mixture: speech).
SIZES: dict[tuple[str, str], tuple[int, int]] = {
    ("bernoulli", "tanh"): (100, 20_100),
    ("bernoulli", "lstm"): (36, 19_800),
    ("bernoulli", "gru"): (46, 20_200),
    ("gaussian_mixture", "tanh"): (400, 168_400),
    ("gaussian_mixture", "lstm"): (195, 169_100),
    ("gaussian_mixture", "gru"): (227, 168_900),
}

# The model names under which data/published_results.csv holds the paper's own Table 2.
RESULTS: dict[str, str] = {"tanh": "Chung2014 tanh", "lstm": "Chung2014 LSTM", "gru": "Chung2014 GRU"}
