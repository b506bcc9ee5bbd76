"""All rules over the facts of one call: findings, the verdict, pictures."""
