"""Are the derivatives right?"""
