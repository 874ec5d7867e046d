      node3 starts, boot 1
      node2 starts, boot 1
      node1 starts, boot 1
      node2 campaigns in term 2
      committed to 1
      node2 leads in term 2
8.300 one-way to node2 noticed for 2.5s
      node1 campaigns in term 3
      committed to 39
      node1 leads in term 3
      node2 leads no more
       the faults stop for node1 node2 node3
       committed to 55
       held
