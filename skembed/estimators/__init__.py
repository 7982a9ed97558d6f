"""The estimators, one a module. Pickles and saved pipelines name these modules: they stay."""
