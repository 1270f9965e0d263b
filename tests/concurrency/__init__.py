"""What happens to requests at the same moment?"""
