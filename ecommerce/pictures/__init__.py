"""Pictures that people upload: checked before they are decoded, drawn anew, and kept in the storage."""
