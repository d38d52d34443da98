"""What buyers say about products: ratings, texts, the seller's reply, moderation."""
